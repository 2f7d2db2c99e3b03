#SBATCH --mem=2G
true
