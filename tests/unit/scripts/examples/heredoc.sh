#!/bin/bash
#SBATCH --mem=1G --ntasks=1
#SBATCH --dependency=singleton
cat > child.sh <<'END'
#!/bin/bash
#SBATCH --mem=512M
true
END
sbatch child.sh
